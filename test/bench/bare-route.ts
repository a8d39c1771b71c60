import Database from 'better-sqlite3'
import fastify from 'fastify'

/** The peer of the API: one fastify route that writes one durable row for each request. `bare-route.ts FILE`. */
const [file = ''] = process.argv.slice(2)
const db = new Database(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec('create table rows (id integer primary key, at integer not null, body text not null) strict')
const insert = db.prepare<[number, string]>('insert into rows (at, body) values (?, ?)')

const app = fastify({ logger: false })
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
  done(null, body),
)
app.post('/genesys/2/email/desk', (request) => {
  const { lastInsertRowid } = insert.run(Date.now(), String(request.body))
  return { statusCode: 0, interactionId: String(lastInsertRowid) }
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${url}\n`)
