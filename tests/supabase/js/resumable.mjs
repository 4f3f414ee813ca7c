// Uploads a file with tus-js-client as supabase's documentation shows; prints {url, sent} or {error, status}.
//   {endpoint, headers, metadata, path, chunkBytes, url?, dieAfter?}
// `url` goes on with an upload begun before; `dieAfter` ends this program without a word after so many chunks.
import { openSync, readSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import * as tus from 'tus-js-client'

const { endpoint, headers, metadata, path, chunkBytes, url, dieAfter } = JSON.parse(await text(process.stdin))
const sizeBytes = statSync(path).size
const file = Buffer.alloc(sizeBytes)
readSync(openSync(path), file, 0, sizeBytes, 0)

let chunks = 0
let sent = 0
const upload = new tus.Upload(file, {
  endpoint,
  headers,
  metadata,
  chunkSize: chunkBytes,
  uploadUrl: url ?? null,
  uploadDataDuringCreation: true,
  retryDelays: null,
  onChunkComplete(chunkSize) {
    sent += chunkSize
    if (++chunks === dieAfter) {
      console.log(JSON.stringify({ url: upload.url, sent }))
      process.exit(0)
    }
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, sent })),
  onError: (error) =>
    console.log(JSON.stringify({ error: error.message, status: error.originalResponse?.getStatus() ?? null })),
})
upload.start()
