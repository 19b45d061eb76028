import { MongoClient } from 'mongodb'
import { JobQueue, MongoJobQueue } from 'durabl'
const url='mongodb://127.0.0.1:27117/?replicaSet=rs0'
const client = await MongoClient.connect(url)
const db = client.db('durabl_tx_smoke_h2')
await db.dropDatabase()
const backend = new MongoJobQueue({ db }); await backend.startup()
const queue = new JobQueue(backend)
const session = client.startSession()
session.startTransaction()
console.log(await queue.enqueue('x',{},{session,dedupeKey:'k'}))
const t=performance.now()
const say = (n)=>(r)=>console.log(n, r, Math.round(performance.now()-t))
const ps=[queue.enqueue('x',{}).then(say('plain0'))]
ps.push(queue.enqueue('x',{},{dedupeKey:'k'}).then(say('keyed'),say('keyedE')))
ps.push(queue.enqueue('y',{}).then(say('plain'),say('plainE')))
await new Promise(r=>setTimeout(r,500))
ps.push(queue.enqueue('y',{}).then(say('plain2'),say('plain2E')))
await new Promise(r=>setTimeout(r,Number(process.argv[2])))
await session.commitTransaction(); console.log('committed', Math.round(performance.now()-t))
await Promise.all(ps)
// pending scope touch: claims blocked?
await queue.enqueue('z',{n:1},{dedupeKey:'z',dedupeScope:'pending'})
await queue.enqueue('z',{n:2})
session.startTransaction()
console.log('dup', await queue.enqueue('z',{},{session,dedupeKey:'z',dedupeScope:'pending'}))
const t2=performance.now()
const c=backend.claimNext('z').then(j=>console.log('claimed',j?.data,Math.round(performance.now()-t2)))
await new Promise(r=>setTimeout(r,1500))
await session.commitTransaction()
await c
await queue.shutdown()
await db.dropDatabase(); await client.close()
