#!/usr/bin/env python3
"""What glibc's fnmatch(3) says of random patterns and names, which is what `.caexclude` files mean:

  fnmatch.py OUTDIR      writes OUTDIR/fnmatch.tsv

C locale, FNM_PERIOD and no other flag. Patterns and names in hexadecimal digits; without `/`, newline and NUL, and such that a
line of a file can hold them."""
import ctypes, random, sys

FNM_PERIOD = 4
libc = ctypes.CDLL('libc.so.6')
rng = random.Random(1)
PIECES = [b'a', b'b', b'c', b'-', b']', b'[', b'[', b'!', b'^', b'*', b'*', b'?', b'\\', b'.', b'.', b':', b'\xe4', b'\xff',
          b'[:alpha:]', b'[[:digit:]]', b'[[:^', b'[[:nothing:]]', b'[a[:nothing:]]', b'[^[:nothing:]]', b'[[.a.]]', b'[[=b=]c]', b'[a-c]', b'[!a-b]', b'[c-a]', b'[]a]', b'[a-]',
          b'[\\]]', b'[!', b'[\\a-c]', b'[a-\\c]', b'[--a]', b'[%--]']
NAMES = [b'a', b'b', b'c', b'd', b'-', b']', b'[', b'.', b'\\', b'!', b'7', b':', b'^', b'\xe4', b'*', b'n', b'n]']


def possible(line):
    return line and line[0:1] not in (b'#', b'!') and line not in (b'.', b'..') and line == line.strip(b' \t')


rows = {}
while len(rows) < 3000:
    pattern = b''.join(rng.choice(PIECES) for _ in range(rng.randint(1, 4)))
    name = b''.join(rng.choice(NAMES) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.5:
        name = pattern.translate(None, b'[]*?!^\\:-=')[:4] or name
    if not possible(pattern) or name in (b'.', b'..'):
        continue
    matches = libc.fnmatch(pattern, name, FNM_PERIOD) == 0
    # As many that match as do not.
    if sum(rows.values()) * 2 > len(rows) and matches and len(rows) > 10:
        continue
    if (len(rows) - sum(rows.values())) * 2 > len(rows) + 100 and not matches:
        continue
    rows[pattern, name] = matches
with open(sys.argv[1] + '/fnmatch.tsv', 'w') as h:
    h.write('pattern (hex)\tname (hex)\tmatches\n')
    for (pattern, name), matches in sorted(rows.items()):
        h.write('%s\t%s\t%s\n' % (pattern.hex(), name.hex(), 'yes' if matches else 'no'))
