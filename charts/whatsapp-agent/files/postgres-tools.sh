# Copies pg_dump and pg_restore of this image, with every library that they use, to the folder $1: the gateway's image has
# neither, and they have to be of the server's version. They run with the loader of this image.
set -eu
target=$1
mkdir -p "$target/lib" "$target/bin"

paths() {
    awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }'
}

for program in pg_dump pg_restore; do
    # Debian's own on the path is a script that looks for a version.
    found=$(ls -1 /usr/lib/postgresql/*/bin/"$program" 2>/dev/null | tail -n 1)
    [ -n "$found" ] || found=$(command -v "$program") || { echo "images.postgres has no $program" >&2; exit 1; }
    libraries=$(ldd "$found")
    cp -fL "$found" "$target/lib/$program"
    echo "$libraries" | paths | while read -r library; do
        cp -fL "$library" "$target/lib/"
    done
    loader=$(basename "$(echo "$libraries" | grep '/ld-' | paths | tail -n 1)")
    cat >"$target/bin/$program" <<END
#!/bin/sh
exec "$target/lib/$loader" --library-path "$target/lib" "$target/lib/$program" "\$@"
END
    chmod 0755 "$target/bin/$program"
done
