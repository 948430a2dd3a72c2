# The files that the cases of `transcripts` and `snapshots` work on. Run as root in an empty directory on ext4.
set -e
umask 022
stamp='2021-02-03 04:05:06.789012345 UTC'

# tree: every type of node but sockets, awkward names, a file of several chunks
mkdir -p 'tree/dir with space/deep' tree/empty
printf 'hello world\n' > tree/a.txt
: > tree/zero
chmod 4711 tree/zero
printf x > 'tree/hash#back\slash'
printf x > 'tree/new
line'
printf u > "$(printf 'tree/\303\251\377')"
seq 1 60000 > 'tree/dir with space/big'
printf '#!/bin/sh\n' > 'tree/dir with space/deep/run.sh'
chmod 0755 'tree/dir with space/deep/run.sh'
ln -s a.txt tree/link
ln -s '/does not/exist' 'tree/dir with space/dangling'
mkfifo -m 0600 tree/pipe
mknod tree/null c 1 3
chmod 1777 tree/empty

# meta: owners without a name, extended attributes, ACLs, a capability
mkdir -p meta/dacl
printf o > meta/owned
chown 54321:54322 meta/owned
printf x > meta/xattr
setfattr -n user.color -v 'dark blue' meta/xattr
setfattr -n user.bin -v 0x00ff41 meta/xattr
printf a > meta/acl
setfacl -m u:54321:rw,g:54322:r meta/acl
setfacl -d -m u:54321:rwx meta/dacl
printf c > meta/caps
setcap cap_net_raw+ep meta/caps

# excl: files that .caexclude leaves out
mkdir -p excl/build excl/src/build excl/src/sub
printf '# objects\n*.o\n!keep.o\n/build\nsrc/sub\n' > excl/.caexclude
for file in a.c a.o keep.o .hidden.o build/x src/b.o src/keep.o src/build/y src/sub/z; do
    printf f > "excl/$file"
done

# blobs that differ in one place
seq 1 60000 > blob.bin
seq 1 60000 | sed 's/^30000$/changed/' > blob2.bin

# In place of ssh: runs the far side here. In place of a protocol driver: fails. Both tell what they were given.
cat > fakessh <<'END'
#!/bin/sh
echo "ssh $*" >> ssh.log
shift
exec "$@"
END
cat > casync-foo <<'END'
#!/bin/sh
echo "$0 $*" >&2
exit 1
END
chmod +x fakessh casync-foo
mkdir remote

find tree meta excl -depth -exec touch -h -d "$stamp" {} +
touch -d '1970-01-01 00:00:01.5 UTC' tree/zero
touch -d "$stamp" blob.bin blob2.bin
