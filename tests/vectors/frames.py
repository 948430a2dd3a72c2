#!/usr/bin/env python3
"""Compressed frames of all kinds that a store may hold, and of kinds that it should not:

  frames.py OUTDIR      needs the zstd, xz and gzip programs; writes OUTDIR/frames/* and OUTDIR/frames.tsv

The C casync makes one kind for each method (see cacnk/); other writers make others. `should`: accept; damaged; truncated; unknown
(no method); limit (more than the 1 MiB that the tests allow); memory (more than 128 MiB to decode)."""
import os, struct, subprocess, sys, zlib
import gen

TEXT, NOISE = gen.text(20000), gen.prng('frame', 5000)
ZEROS = bytes(16 << 20)


def run(*args, data=TEXT):
    return subprocess.run(args, input=data, stdout=subprocess.PIPE, check=True).stdout


def gzip_member(flags, fields, data=TEXT, level=9):
    """A member with optional header fields."""
    z = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = z.compress(data) + z.flush()
    head = struct.pack('<BBBBIBB', 0x1f, 0x8b, 8, flags, 0, 0, 255) + fields
    if flags & 2:
        head += struct.pack('<H', zlib.crc32(head) & 0xffff)
    return head + body + struct.pack('<II', zlib.crc32(data), len(data))


def zstd(*args, data=TEXT): return run('zstd', '-q', '--single-thread', '-c', *args, data=data)
def xz(*args, data=TEXT): return run('xz', '-T1', '-c', *args, data=data)


def sized(data):
    """A frame that announces its content size, which the zstd program writes for files only."""
    with open('/dev/shm/frame.tmp', 'wb') as h:
        h.write(data)
    out = run('zstd', '-q', '-c', '/dev/shm/frame.tmp')
    os.unlink('/dev/shm/frame.tmp')
    return out


def rle(byte, blocks, length=0x20000):
    """Blocks of one repeated byte in a frame with the smallest window that allows them (128 KiB)."""
    out = bytes.fromhex('28b52ffd0038')
    for i in range(blocks):
        out += struct.pack('<I', (i == blocks - 1) | 1 << 1 | length << 3)[:3] + bytes([byte])
    return out


def announcing(size, data=b'x'):
    """A single-segment frame that announces `size` bytes and has one raw block."""
    return bytes.fromhex('28b52ffde0') + struct.pack('<Q', size) + struct.pack('<I', 1 | len(data) << 3)[:3] + data


def cases():
    plain = zstd('-3', '--no-check')
    for level in ('-1', '-3', '-19', '--fast=5'):
        yield 'zstd' + level, zstd(level, '--no-check'), 'accept', 'text', ''
    yield 'zstd-ultra-22', zstd('--ultra', '-22', '--no-check'), 'accept', 'text', 'window 128 MiB'
    yield 'zstd-check', zstd('--check'), 'accept', 'text', 'with checksum'
    yield 'zstd-check-wrong', zstd('--check')[:-1] + b'\0', 'accept', 'text', 'checksums of frames are not needed: chunks are verified by their id'
    yield 'zstd-size', sized(TEXT), 'accept', 'text', 'single segment with content size'
    yield 'zstd-long27', zstd('--long=27'), 'accept', 'text', 'window 128 MiB'
    yield 'zstd-long28', zstd('--long=28'), 'memory', 'text', 'window 256 MiB'
    yield 'zstd-long31', zstd('--ultra', '--long=31'), 'memory', 'text', 'window 2 GiB'
    yield 'zstd-empty', zstd('--no-check', data=b''), 'accept', 'empty', ''
    yield 'zstd-noise', zstd('--no-check', data=NOISE), 'accept', 'noise', 'raw block'
    yield 'zstd-bomb', zstd('--no-check', data=ZEROS), 'limit', 'zeros', ''
    yield 'zstd-bomb-long27', zstd('--ultra', '-22', '--long=27', data=ZEROS), 'limit', 'zeros', 'nothing leaves the 128 MiB window'
    yield 'zstd-bomb-rle', rle(0, 200), 'limit', 'zeros', 'blocks of four bytes'
    yield 'zstd-bomb-sized', sized(ZEROS), 'limit', 'zeros', 'announces its size'
    yield 'zstd-announces-2^60', announcing(1 << 60), 'limit', '', 'single segment'
    yield 'zstd-announces-1', announcing(1), 'accept', 'x', ''
    yield 'zstd-announces-more', announcing(1000), 'damaged', '', 'than there is'
    yield 'zstd-announces-less', announcing(1, b'xy'), 'damaged', '', 'than there is'
    yield 'zstd-block-too-large', rle(0, 1, 0x20001), 'damaged', '', 'more than 128 KiB'
    yield 'zstd-reserved-block', bytes.fromhex('28b52ffd0038') + b'\x07\0\0', 'damaged', '', ''
    yield 'zstd-two-frames', plain + plain, 'damaged', '', ''
    yield 'zstd-skippable-behind', plain + bytes.fromhex('502a4d1800000000'), 'damaged', '', ''
    yield 'zstd-skippable-first', bytes.fromhex('502a4d1800000000') + plain, 'unknown', '', ''
    yield 'zstd-dictionary', plain[:4] + b'\x01\x58\x07' + plain[6:], 'damaged', '', 'dictionary 7'
    yield 'zstd-magic-only', plain[:4], 'truncated', '', ''
    for level in ('-0', '-6', '-9e'):
        yield 'xz' + level, xz(level), 'accept', 'text', ''
    for check in ('none', 'crc32', 'crc64', 'sha256'):
        yield 'xz-' + check, xz('--check=' + check), 'accept', 'text', ''
    yield 'xz-blocks', xz('--block-size=3000'), 'accept', 'text', 'seven blocks'
    yield 'xz-sizes', run('xz', '-T2', '-c'), 'accept', 'text', 'sizes in the block header'
    yield 'xz-x86', xz('--x86', '--lzma2=preset=6'), 'accept', 'text', 'filter for machine code'
    yield 'xz-delta', xz('--delta=dist=4', '--lzma2=preset=6'), 'accept', 'text', 'delta filter'
    yield 'xz-empty', xz(data=b''), 'accept', 'empty', ''
    yield 'xz-noise', xz(data=NOISE), 'accept', 'noise', ''
    yield 'xz-dict-96M', xz('--lzma2=dict=96MiB'), 'accept', 'text', ''
    yield 'xz-dict-1G', xz('--lzma2=dict=1GiB'), 'memory', 'text', ''
    yield 'xz-bomb', xz(data=ZEROS), 'limit', 'zeros', ''
    yield 'xz-bomb-blocks', xz('-9', '--block-size=1000000', data=ZEROS), 'limit', 'zeros', ''
    yield 'xz-two-streams', xz() + xz(), 'damaged', '', ''
    yield 'xz-padding', xz() + bytes(4), 'damaged', '', ''
    yield 'xz-check-wrong', (lambda b: b[:-40] + bytes([b[-40] ^ 1]) + b[-39:])(xz()), 'damaged', '', ''
    yield 'xz-magic-only', xz()[:6], 'truncated', '', ''
    for level in ('-1', '-6', '-9'):
        yield 'gzip' + level, run('gzip', '-n', '-c', level), 'accept', 'text', ''
    yield 'gzip-stored', gzip_member(0, b'', level=0), 'accept', 'text', ''
    yield 'gzip-name', gzip_member(8, b'name\0'), 'accept', 'text', ''
    yield 'gzip-fields', gzip_member(2 | 4 | 8 | 16, b'\3\0abcname\0comment\0'), 'accept', 'text', 'all optional fields'
    yield 'gzip-extra', gzip_member(4, b'\x09\0nine+byte'), 'accept', 'text', 'extra field'
    yield 'gzip-fields-cut', gzip_member(4, b'\xff\xff')[:40], 'truncated', '', ''
    yield 'gzip-empty', gzip_member(0, b'', b''), 'accept', 'empty', ''
    yield 'gzip-noise', gzip_member(0, b'', NOISE), 'accept', 'noise', ''
    yield 'gzip-bomb', run('gzip', '-n', '-c', '-9', data=ZEROS), 'limit', 'zeros', ''
    yield 'gzip-reserved-flag', gzip_member(32, b''), 'damaged', '', ''
    yield 'gzip-method', b'\x1f\x8b\x07' + gzip_member(0, b'')[3:], 'damaged', '', ''
    yield 'gzip-crc-wrong', (lambda b: b[:-8] + bytes([b[-8] ^ 1]) + b[-7:])(gzip_member(0, b'')), 'damaged', '', ''
    yield 'gzip-size-wrong', gzip_member(0, b'')[:-1] + b'\1', 'damaged', '', ''
    yield 'gzip-two-members', gzip_member(0, b'') * 2, 'damaged', '', ''
    yield 'gzip-magic-only', b'\x1f\x8b', 'truncated', '', ''
    yield 'plain', TEXT[:100], 'unknown', '', 'no method'
    yield 'nothing', b'', 'truncated', '', ''


if __name__ == '__main__':
    out = sys.argv[1]
    os.makedirs(out + '/frames', exist_ok=True)
    with open(out + '/frames.tsv', 'w') as h:
        h.write('case\tshould\tcontent\tnote\n')
        for name, frame, should, content, note in cases():
            h.write('\t'.join((name, should, content, note)) + '\n')
            with open('%s/frames/%s' % (out, name), 'wb') as f:
                f.write(frame)
