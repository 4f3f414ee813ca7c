// Follows changes with supabase-js; prints {status}, {system} and {change} as JSON lines.
// The first line on stdin says what to follow, each later one is an order; the end of stdin ends it.
//   {url, key, token?, channel, bindings: [{event, schema, table, filter}]}
//   {order: "drop"}            cut the connection below the client, as a failing network does
//   {order: "token", token}    sign in as somebody else
//   {order: "leave"}           remove the channel
import { createClient } from '@supabase/supabase-js'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'

const say = (line) => console.log(JSON.stringify(line))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { url, key, token, channel: name, bindings } = JSON.parse((await lines.next()).value)

let access = token
const supabase = createClient(url, key, {
  ...(token ? { accessToken: async () => access } : {}),
  realtime: { reconnectAfterMs: () => 200 },
})
// Without this, a channel that subscribes at once joins without the token.
await supabase.realtime.setAuth()

const channel = supabase.channel(name)
for (const binding of bindings) channel.on('postgres_changes', binding, (change) => say({ change }))
channel.on('system', {}, (system) => say({ system }))
channel.subscribe((status, error) => say({ status, error: error?.message }))

for await (const line of lines) {
  const { order, ...given } = JSON.parse(line)
  if (order === 'drop') {
    for (const handle of process._getActiveHandles()) {
      if (handle instanceof Socket && handle.remotePort) handle.destroy()
    }
  } else if (order === 'token') {
    access = given.token
    await supabase.realtime.setAuth()
  } else if (order === 'leave') {
    say({ left: await supabase.removeChannel(channel) })
  }
}
await supabase.removeAllChannels()
await supabase.realtime.disconnect()
process.exit(0)
