# Functions for the commands of the rows.

# As a user who owns nothing.
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }

# With a file system of these options mounted at `small`; complains about what is left there, other than
# whole files and chunks.
on_small() {
    mkdir -p small
    unshare --mount --propagation=private bash -c '
        mount -t tmpfs -o "${1%,ro}" none small && echo old >small/old.img || exit
        if [[ $1 = *,ro ]]; then mount -o remount,ro small; fi
        shift
        "$@"
        status=$?
        find small -mindepth 1 ! -path "small/out*" ! -path "small/new.castr*" ! -path small/old.img -printf "left: %p\n" >&2
        [ "$(<small/old.img)" = old ] || echo "changed: small/old.img" >&2
        exit $status' bash "$@"
}

# The file of a chunk of an index, by its number, in the default store.
chunk() {
    local id
    id=$(od --address-radix=n --format=x1 --width=32 --skip-bytes=$((64 + 40 * $2 + 8)) --read-bytes=32 "$1" | tr -d ' ')
    echo "default.castr/${id:0:4}/$id.cacnk"
}

# Overwrites bytes of a file.
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
