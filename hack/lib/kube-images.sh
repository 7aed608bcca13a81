# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The images of the test cluster, made without an image registry and without Docker. Source after
# common.sh.
#
#   salve-test/pause:1                         the first process of each pod
#   salve-test/busybox:1, salve-test/busybox:2 sh, httpd, sleep, wget, nc, …; the same files, two
#                                              images: the variable VERSION in it is 1 or 2.
#                                              `httpd -f -p 8080` answers / with 200.
#                                              Debian's busybox crashes at `wget -T`

# kube_test_images: makes the tarballs where they are not in the cache, and prints their paths.
kube_test_images() { with_lock "$SALVE_CACHE/lock/kube-images" make_test_images; }

make_test_images() {
  local name hash tarball recipe="$SALVE_ROOT/hack/images.d/pause/pause.c"
  hash=$(cat "${BASH_SOURCE[0]}" "$recipe" "$(static_busybox)" | sha256sum | cut -c 1-12)
  for name in pause busybox; do
    tarball="$SALVE_CACHE/images/kube-$name-$hash.tar"
    [ -s "$tarball" ] || make_test_image "$name" "$tarball"
    printf '%s\n' "$tarball"
  done
}

make_test_image() (
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir -p "$scratch/root" "$scratch/image" "$SALVE_CACHE/images"
  case "$1" in
    pause)
      need gcc "run hack/install-deps"
      gcc -Os -static -s -o "$scratch/root/pause" "$SALVE_ROOT/hack/images.d/pause/pause.c" ||
        die 1 "gcc could not build the static program pause"
      image_layer "$scratch"
      image_add "$scratch" salve-test/pause:1 '{"Entrypoint": ["/pause"], "User": "65535:65535"}'
      ;;
    busybox)
      busybox_root "$scratch/root"
      image_layer "$scratch"
      for version in 1 2; do
        image_add "$scratch" "salve-test/busybox:$version" "$(printf '%s' \
          '{"Cmd": ["sh"], "WorkingDir": "/www", "Env": ["PATH=/bin", "VERSION=' "$version" '"]}')"
      done
      ;;
  esac
  paste -sd , "$scratch/manifest" | sed 's/.*/[&]/' >"$scratch/image/manifest.json"
  tar -C "$scratch/image" -cf "$2.new" .
  mv "$2.new" "$2"
)

# static_busybox: Debian's package busybox is linked dynamically and would not run in an empty image.
static_busybox() {
  local candidate
  for candidate in /bin/busybox "$(command -v busybox || true)"; do
    if [ -x "$candidate" ] && ! ldd "$candidate" >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  die 3 "the static busybox is not installed; run hack/install-deps"
}

busybox_root() {
  local busybox applet
  busybox=$(static_busybox)
  mkdir -p "$1"/{bin,etc,proc,sys,dev,root,www}
  mkdir -m 1777 "$1/tmp"
  cp "$busybox" "$1/bin/busybox"
  "$busybox" --list | while IFS= read -r applet; do
    [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
  done
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/sh' >"$1/etc/passwd"
  printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$1/etc/group"
  echo salve-test >"$1/www/index.html"
}

# image_layer SCRATCH: SCRATCH/root as the one layer. Nothing in it depends on when or by whom it is made.
image_layer() {
  tar -C "$1/root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$1/image/layer.tar" .
}

# image_add SCRATCH NAME CONFIG: an image of that layer; CONFIG is what a container of it runs.
image_add() {
  local file machine layer
  machine=$(dpkg --print-architecture)
  layer=$(sha256sum <"$1/image/layer.tar" | cut -d ' ' -f 1)
  cat >"$1/config" <<JSON
{
  "architecture": "$machine",
  "os": "linux",
  "created": "1970-01-01T00:00:00Z",
  "config": $3,
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
  "history": [{"created_by": "hack/lib/kube-images.sh"}]
}
JSON
  file=$(sha256sum <"$1/config" | cut -d ' ' -f 1).json
  mv "$1/config" "$1/image/$file"
  printf '{"Config": "%s", "RepoTags": ["%s"], "Layers": ["layer.tar"]}\n' "$file" "$2" >>"$1/manifest"
}
