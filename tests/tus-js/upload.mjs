// Uploads a file with the unchanged tus-js-client: begins, pauses in the middle, goes on, is begun anew as by
// another program that knows the upload's address only, and ends. Says what it saw as one line of JSON.
//
// node upload.mjs ENDPOINT TOKEN RECORD SHA256 FILE

import { readFile } from 'node:fs/promises'
import * as tus from 'tus-js-client'

const [endpoint, token, record, sha256, path] = process.argv.slice(2)
const file = await readFile(path)
const said = { pausedAt: [], wentOnFrom: [], finished: false }

/** Sends until `pauseAt` bytes are there, or to the end. Resolves to the upload's address. */
function send(options, pauseAt) {
  return new Promise((resolve, reject) => {
    let begins = true
    const upload = new tus.Upload(file, {
      endpoint,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { record, sha256, filename: 'near.jpg', filetype: 'image/jpeg' },
      chunkSize: 64 * 1024,
      retryDelays: [0, 200, 1000],
      ...options,
      onChunkComplete: async (chunk, accepted) => {
        if (begins) said.wentOnFrom.push(accepted - chunk)
        begins = false
        if (accepted < pauseAt || accepted >= file.length) return
        await upload.abort()
        said.pausedAt.push(accepted)
        resolve(upload)
      },
      onSuccess: () => {
        said.finished = true
        resolve(upload)
      },
      onError: reject,
    })
    upload.start()
  })
}

const first = await send({}, file.length / 3)
const second = await send({ uploadUrl: first.url }, (2 * file.length) / 3)
await send({ uploadUrl: second.url }, Infinity)
console.log(JSON.stringify(said))
