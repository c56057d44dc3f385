#!/usr/bin/env bash
# Makes the pictures in docs/ from the demo, with the system's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
# Fonts for every script of the samples: apt-get install fonts-dejavu-core fonts-noto-cjk
command -v chromium >/dev/null || { echo "screenshots need Chromium: apt-get install chromium" >&2; exit 1; }

folder=$(mktemp -d) port=8791
.venv/bin/notifier demo --no-browser --port "$port" --keep "$folder/mails" & demo=$!
trap 'kill "$demo" 2>/dev/null || true; rm -rf "$folder"' EXIT
curl --silent --show-error --output /dev/null --max-time 60 --retry 60 --retry-delay 1 --retry-connrefused \
  "http://127.0.0.1:$port/healthz"

shot() {  # FILE PICTURE WIDTH HEIGHT [FLAG...]
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$folder/chromium" "${@:5}" --window-size="$3,$4" \
    --screenshot="$folder/$2.png" "file://$folder/mails/$1.html" 2>/dev/null
}
for pair in 2-ada:digest 3-bo:weekly 4-cy:trending; do
  mail=${pair%:*} picture=${pair#*:}
  shot "$mail" "$picture" 720 1500
  shot "$mail" "$picture-dark" 720 1500 --blink-settings=preferredColorScheme=0
  # A window is at least 500 pixels wide, so the phone is a frame within it.
  printf '<!doctype html><body style="margin:0"><iframe src="%s.html" width="390" height="844" style="border:0"></iframe>' \
    "$mail" > "$folder/mails/phone.html"
  shot phone "$picture-phone" 390 844
done
.venv/bin/python docs/picture_pages.py "$folder/mails/2-ada.html" "$folder"

# A third of the bytes: 128 colours are enough for text.
.venv/bin/uv run --quiet --no-project --with pillow==12.0.0 python - "$folder" docs <<'PYTHON'
import sys
from pathlib import Path
from PIL import Image

for made in Path(sys.argv[1]).glob("*.png"):
    few = Image.open(made).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(Path(sys.argv[2]) / made.name, optimize=True)
PYTHON
