# A mail relay for compose.yaml: Postfix as Debian has it, for the containers beside it alone.
#   docker build -f config/relay.Dockerfile -t paper-notifier-relay config
FROM debian:trixie-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates libsasl2-modules postfix \
    && rm -rf /var/lib/apt/lists/*
# Out of Debian's jails: `postfix start-fg` puts no resolv.conf into them.
RUN postconf -F '*/*/chroot=n' \
    && postconf \
        "myorigin=\$myhostname" \
        maillog_file=/dev/stdout \
        inet_interfaces=all \
        mydestination= \
        local_transport=error:5.1.1 \
        "mynetworks=127.0.0.0/8 [::1]/128 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 [fd00::]/8" \
        smtpd_relay_restrictions=permit_mynetworks,reject \
        smtpd_client_connection_rate_limit=0 \
        smtp_tls_security_level=may \
        smtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt \
        disable_vrfy_command=yes
COPY relay.sh /usr/local/bin/relay
VOLUME /var/spool/postfix
EXPOSE 25
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["postfix", "status"]
CMD ["relay"]
