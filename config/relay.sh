#!/bin/sh
# Starts the relay of relay.Dockerfile. With a RELAY_USER it logs in at the RELAYHOST, over TLS alone.
set -eu
postconf "myhostname=$(hostname)" "relayhost=${RELAYHOST:-}"
if [ -n "${RELAY_USER:-}" ]; then
    login=$(postconf -h config_directory)/login
    (umask 077 && echo "$RELAYHOST $RELAY_USER:$(cat "$RELAY_PASSWORD_FILE")" >"$login")
    postconf smtp_sasl_auth_enable=yes "smtp_sasl_password_maps=texthash:$login" \
        smtp_sasl_tls_security_options=noanonymous smtp_tls_security_level=encrypt
fi
exec postfix start-fg
