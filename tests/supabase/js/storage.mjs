// Calls supabase-js Storage as the list on stdin says, in order; prints what each call answered.
//   {url, key, token?, bucket, calls: [[method, ...arguments], …]}
// Bytes travel as {"bytes": base64}. The answers of createSignedUrl and the like come as they are.
import { createClient } from '@supabase/supabase-js'
import { text } from 'node:stream/consumers'

const { url, key, token, bucket, calls } = JSON.parse(await text(process.stdin))
const supabase = createClient(url, key, token ? { accessToken: async () => token } : {})

const fromJson = (value) => (value?.bytes === undefined ? value : Buffer.from(value.bytes, 'base64'))

async function toJson({ data, error }) {
  if (data instanceof Blob) data = { bytes: Buffer.from(await data.arrayBuffer()).toString('base64'), type: data.type }
  if (error) error = { name: error.name, message: error.message, status: error.status, statusCode: error.statusCode }
  return { data, error }
}

const answers = []
for (const [method, ...given] of calls) {
  answers.push(await toJson(await supabase.storage.from(bucket)[method](...given.map(fromJson))))
}
console.log(JSON.stringify(answers))
