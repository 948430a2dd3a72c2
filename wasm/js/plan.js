// What a download would take, before it begins.

/**
 * Counts chunks and bytes by who has them: `have` (a set of ids, a function of an id, another image or archive whose chunks
 * are here), the seeds, the cache, and what is left to fetch: one request for each chunk. Bytes are plain bytes: what is
 * sent is packed, usually to a half.
 */
export async function plan(chunks, have) {
  const { index, seeds, cache } = chunks;
  const known = toHave(have);
  const count = () => ({ chunks: 0, bytes: 0 });
  const sums = { total: count(), repeats: count(), have: count(), seeds: count(), cache: count(), fetch: count() };
  for (let number = 0; number < index.length; number += 1) {
    const chunk = index.chunk(number);
    add(sums.total, chunk);
    if (index.first(number) !== number) add(sums.repeats, chunk);
    else if (known(chunk.id)) add(sums.have, chunk);
    else if (seeds.some((seed) => seed.has(chunk))) add(sums.seeds, chunk);
    else if (await cache?.has?.(chunk.id)) add(sums.cache, chunk);
    else add(sums.fetch, chunk);
  }
  return { ...sums, requests: sums.fetch.chunks };
}

function toHave(have) {
  if (!have) return () => false;
  if (typeof have === "function") return have;
  if (typeof have.has === "function") return (id) => have.has(id);
  const index = have.index;
  return (id) => index.find(id) !== undefined;
}

function add(sum, chunk) {
  sum.chunks += 1;
  sum.bytes += chunk.size;
}
