// A Helia node for Shoal's interoperability tests: TCP, Noise and Yamux on 127.0.0.1, everything in memory.
//
//   node helia.mjs serve PATH              add a file or folder, print {peer, addrs, cid}, serve until killed
//   node helia.mjs get CID MULTIADDR OUT   fetch a file or folder from one peer to OUT, print {files, bytes}
//   node helia.mjs cid PATH                print {cid}
//
// Content is added with Helia's own defaults. Each result is one JSON object on one line.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { unixfs } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'

async function startNode () {
  const node = withBitswap(withLibp2pLight(createHeliaLight(), {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  }))
  await node.start()
  return node
}

async function * entriesBelow (folder, prefix = '') {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true })
  if (entries.length === 0 && prefix !== '') {
    yield { path: prefix }
  }
  for (const entry of entries) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.isDirectory()) {
      yield * entriesBelow(folder, path)
    } else if (entry.isFile()) {
      yield { path, content: createReadStream(join(folder, path)) }
    } else {
      throw new Error(`${path}: Helia adds only files and folders`)
    }
  }
}

async function add (files, path) {
  if ((await stat(path)).isFile()) {
    return files.addByteStream(createReadStream(path))
  }
  let root = await files.addDirectory()
  for await (const added of files.addAll(entriesBelow(path), { wrapWithDirectory: true })) {
    root = added.cid
  }
  return root
}

async function fetchInto (files, cid, out, totals) {
  const { type } = await files.stat(cid)
  if (type === 'directory') {
    await mkdir(out)
    for await (const entry of files.ls(cid)) {
      await fetchInto(files, entry.cid, join(out, entry.name), totals)
    }
    return
  }
  await pipeline(
    async function * () {
      for await (const bytes of files.cat(cid)) {
        totals.bytes += bytes.length
        yield bytes
      }
    },
    createWriteStream(out)
  )
  totals.files += 1
}

const print = result => console.log(JSON.stringify(result))

const commands = {
  async serve (path) {
    const node = await startNode()
    const cid = await add(unixfs(node), path)
    const addrs = node.libp2p.getMultiaddrs().map(String)
    print({ peer: node.libp2p.peerId.toString(), addrs, cid: cid.toString() })
  },

  async get (cid, address, out) {
    const node = await startNode()
    await node.libp2p.dial(multiaddr(address))
    const totals = { files: 0, bytes: 0 }
    await fetchInto(unixfs(node), CID.parse(cid), out, totals)
    print(totals)
    process.exit(0)
  },

  async cid (path) {
    const cid = await add(unixfs(createHeliaLight()), path)
    print({ cid: cid.toString() })
    process.exit(0)
  }
}

const [command, ...args] = process.argv.slice(2)
if (!Object.hasOwn(commands, command)) {
  console.error('usage: helia.mjs serve|get|cid ARGUMENT…')
  process.exit(2)
}
await commands[command](...args)
