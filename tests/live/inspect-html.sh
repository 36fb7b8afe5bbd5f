# `bareboat inspect --html` in a real browser: it draws, drills down and up by keys and clicks, says the numbers that the JSON
# says, and does nothing that a name in the image tells it.
. "$(dirname "$0")/lib.sh"

# dive's test images come with the project's brief, beside the project; they are not part of it.
images=${DIVE_IMAGES:-$PROJECT/../shared/tests/dive}
image=docker-archive:$images/test-docker-image.tar
page=$AREA/page.html

browse() { timeout 120 python3 "$LIVE/browser.py" "$@" 2>"$AREA/console"; }
quiet_console() { ! grep . "$AREA/console"; }
at='eval:document.querySelector("#map").dataset.at'
bytes='eval:document.querySelector("#map").dataset.bytes'
focused='eval:document.activeElement.getAttribute("aria-label")'

# What the page says after some steps, a line each, between `;`.
says() { # EXPECTED PAGE STEP…
    local expected=$1 found
    found=$(browse "${@:2}" | paste -sd ';') || return 1
    same "$found" "$expected" && quiet_console
}

if check "the page is written" "$BAREBOAT" inspect "$image" --html "$page" --format json; then
    "$BAREBOAT" inspect "$image" --format json >"$AREA/told.json"
    files=$(jq .size.files "$AREA/told.json")
    wasted=$(jq .waste.bytes "$AREA/told.json")
    carried=$(jq .size.layers "$AREA/told.json")
    check "it draws the whole image, in the bytes that the JSON says" says "/;$files" "$page" "$at" "$bytes"
    check "a fragment opens a folder" says "/root;21402" "$page#/root" "$at" "$bytes"
    check "by layer, what is wasted is drawn too" says "layer/;$carried" "$page#layer/" "$at" "$bytes"
    check "waste is a view of its own" says "waste/;$wasted" "$page#waste/" "$at" "$bytes"
    check "a folder that is not there opens what is above it" says "/root" "$page#/root/gone/x" "$at"
    check "clicks lead down" says "None;#/bin" "$page" 'eval:void document.querySelector("#map .folder").click()' \
        'eval:location.hash'
    check "keys lead down and up" says "#/root/.data;#/root" "$page" 'hash:#/root' key:Enter 'eval:location.hash' key:Escape \
        'eval:location.hash'
    check "a box tells what it is to whoever cannot see it" says "/root/.data · 8.6 kB · 0.7 % · 3 files" "$page" 'hash:#/root' \
        "$focused"
    check "all layers together have a name" says "all layers · 1.2 MB · 100.0 %" "$page#layer/" \
        'eval:document.querySelector("#about").textContent.split(" · ").slice(0, 3).join(" · ")'
    check "all files are counted, empty ones too" says "$(jq .size.file_count "$AREA/told.json") files" "$page" \
        'eval:document.querySelector("#about").textContent.split(" · ")[3]'
    check "colours are named" says "layer;layer 1  1.2 MB" "$page" 'eval:document.querySelector("#colour").value' \
        'eval:document.querySelector("#legend").firstChild.textContent'
    find='(() => { const find = document.querySelector("#find"); find.value = "AGAIN"; find.dispatchEvent(new Event("input")); })()'
    check "paths are found by a part of them" says "None;“AGAIN”: 2 found, 12.8 kB;#/root/.data" "$page" "eval:void $find" \
        'eval:document.querySelector("#about").textContent' 'eval:document.querySelector("#list a").hash'
    check "on the way up the box below has the keyboard" says "#/;root" "$page" 'hash:#/root' key:Backspace 'eval:location.hash' \
        'eval:document.activeElement.dataset.name'
    check "no box is beyond the map" says "0" "$page" 'eval:(() => { const map = document.querySelector("#map").getBoundingClientRect();
        return [...document.querySelectorAll("#map button")].filter((one) => { const box = one.getBoundingClientRect();
        return box.right > map.right + 1 || box.bottom > map.bottom + 1; }).length; })()'
fi

# An image whose names would each run a script, if a page took them for more than names.
hostile_image() {
    python3 - "$AREA/hostile" <<'PYTHON'
import hashlib, io, json, os, sys, tarfile
dir = sys.argv[1]
os.makedirs(f"{dir}/blobs/sha256")
def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{dir}/blobs/sha256/{digest}", "wb").write(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}
names = ["<script>document.title='owned'<", "</script><script>document.title='owned'<", "<img src=x onerror=document.title='owned'>",
         "\" onmouseover=\"document.title='owned'", "__proto__", "constructor", "toString", "\x1b[2J", "a&b;#%3c?"]
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as tar:
    for name in names:
        for path in (name, f"folder/{name}/{name}"):
            member = tarfile.TarInfo(path)
            member.size = 1000
            tar.addfile(member, io.BytesIO(b"x" * 1000))
layer = out.getvalue()
config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
          "history": [{"created_by": "</script><script>document.title='owned'</script>"}]}
manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": [blob(layer, "layer.v1.tar")]}
index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
json.dump(index, open(f"{dir}/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{dir}/oci-layout", "w"))
PYTHON
}

if check "an image of hostile names is made" hostile_image &&
    check "its page is written" "$BAREBOAT" inspect "oci:$AREA/hostile" --html "$AREA/hostile.html"; then
    expected=$("$BAREBOAT" inspect "oci:$AREA/hostile" --format json | jq .size.files)
    title=$(sed -n 's:.*<title>\(.*\)</title>.*:\1:p' "$AREA/hostile.html")
    check "its names are names" says "$title;$expected;0" "$AREA/hostile.html" 'eval:document.title' "$bytes" \
        'eval:document.querySelectorAll("img, script[src], [onerror], [onmouseover]").length'
    check "names with signs of addresses can be opened" says "/folder/a%26b%3B%23%253c%3F;1000" "$AREA/hostile.html" \
        'hash:#/folder/a%26b%3B%23%253c%3F' "$at" "$bytes"
    check "names of JavaScript's own objects can be opened" says "/folder/__proto__;1000" "$AREA/hostile.html" \
        'hash:#/folder/__proto__' "$at" "$bytes"
fi
