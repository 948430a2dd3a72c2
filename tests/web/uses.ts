// What callers write, as the types see it.
import { open, CasyncError, DirectoryCache, Pause, Pool, type Archive, type Image } from "./index.js";
import { httpTarget, makeArchive, makeImage, tarTarget } from "./make.js";
import { serve } from "./edge.js";

export async function all(file: File, handle: FileSystemFileHandle, directory: FileSystemDirectoryHandle): Promise<number> {
  const pool: Pool = await Pool.start({ size: 2 });
  const image: Image = await open("https://x.invalid/a.caibx", { worker: pool, seeds: [file], cache: new DirectoryCache(), pause: new Pause() });
  const { requests } = await image.plan(new Set<string>());
  await image.writeTo(handle, { resume: true, onChunk: (chunk, origin) => void [chunk.start, origin === "seed"] });
  await image.range(0, 10).pipeTo(new WritableStream());
  const archive: Archive = await open("https://x.invalid/a.caidx");
  for await (const { path, node } of archive.walk()) if (node.type === "file") void [path, node.size];
  const stream: ReadableStream<Uint8Array> = await archive.file("etc/passwd");
  await stream.cancel();
  const { ok } = await archive.verify(directory);
  await makeImage(file, { target: tarTarget(new WritableStream()), name: "a.caibx" });
  await makeArchive(directory, { target: httpTarget("https://x.invalid/default.castr") });
  const handler = serve({ index: "https://x.invalid/a.caidx" });
  const response: Response = await handler(new Request("https://y.invalid/"));
  try {
    await open("https://x.invalid/b.catar");
  } catch (error) {
    if (error instanceof CasyncError && error.code === "missing") return response.status;
  }
  return ok ? requests : 0;
}
