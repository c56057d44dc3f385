#!/usr/bin/env bash
# Makes the pictures in docs/ from the demo, with the system's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
# Fonts for every script of the samples: apt-get install fonts-dejavu-core fonts-noto-cjk
command -v chromium >/dev/null || { echo "screenshots need Chromium: apt-get install chromium" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/notifier demo --once --no-browser --keep "$folder/mails"

shot() {  # FILE PICTURE WIDTH HEIGHT [FLAG...]
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$folder/chromium" "${@:5}" --window-size="$3,$4" \
    --screenshot="$PWD/docs/$2" "file://$folder/mails/$1" 2>/dev/null
}
shot 2-ada.html digest.png 720 1500
shot 2-ada.html digest-dark.png 720 1500 --blink-settings=preferredColorScheme=0
