import { MongoClient } from 'mongodb'
import { JobQueue, MongoJobQueue } from 'durabl'
const url='mongodb://127.0.0.1:27117/?replicaSet=rs0'
const client = await MongoClient.connect(url)
const db = client.db('durabl_tx_smoke_h')
await db.dropDatabase()
const backend = new MongoJobQueue({ db }); await backend.startup()
const events=[]
const queue = new JobQueue(backend, undefined, { onJobEvent: e => events.push(e) })
const accounts = db.collection('accounts')
await accounts.insertMany([{_id:'a',balance:100},{_id:'b',balance:0}])
let t0
queue.process('mail', async (job, ctx) => {
  console.log('mail after', performance.now()-t0)
  const s = await ctx.session(); console.log(await accounts.findOne({_id:'a'},{session:s}))
  const r = await ctx.transaction(async (session) => {
    ctx.log('within'); console.log(await ctx.heartbeat())
    await accounts.updateOne({_id:'a'},{$inc:{balance:-10}},{session})
    await accounts.updateOne({_id:'b'},{$inc:{balance:10}},{session})
    await queue.enqueue('receipt',{}, {session, dedupeKey:'k', dedupeScope:'pending'})
    return 42
  })
  console.log('r', r, await ctx.complete())
  await ctx.transaction(()=>{}).catch(e=>console.log(e.code,e.message))
},{pollInterval: 60000})
const done = new Promise(r => queue.process('receipt', () => r(),{pollInterval:60000}))
await new Promise(r=>setTimeout(r,300))
const session = client.startSession()
await session.withTransaction(async () => {
  await db.collection('orders').insertOne({x:1},{session})
  console.log(await queue.enqueue('mail',{m:new Map([['a',1]])},{session,dedupeKey:'o1'}), await queue.enqueue('mail',{},{session,dedupeKey:'o1'}))
})
t0=performance.now()
await done
await new Promise(r=>setTimeout(r,100))
console.log(events, await accounts.find().toArray(), await db.collection('jobs').find().toArray())
await queue.shutdown()
await db.dropDatabase(); await client.close()
