# What the cases of `parity` find besides the fixture: archives and indexes of it under several names, and odd things.
set -e
umask 022
exec >prelude.log
casync make tree.catar tree
casync make tree.caidx tree
casync make blob.caibx blob.bin
casync make blob2.caibx blob2.bin
casync make meta.catar meta
casync --digest=sha256 --store=s256.castr make s256.caidx tree
: > empty
printf x > a:b.catar
cp tree.catar archive
cp tree.caidx index
mkdir dirx.catar tmpd
