import './location'
import initSqlJs from 'sql.js/dist/sql-wasm-browser.js'
import wasm from 'sql.js/dist/sql-wasm-browser.wasm'
import { drizzle } from 'drizzle-orm/sql-js'
import { desc, eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

const notes = sqliteTable('notes', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  text: text('text').notNull(),
  stars: integer('stars').default(0),
  tags: text('tags', { mode: 'json' }).$type<string[]>(),
})

const ready = () => initSqlJs({
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void) {
    WebAssembly.instantiate(wasm, imports).then((instance) => done(instance, wasm))
    return {}
  },
})
let loading: ReturnType<typeof ready> | undefined

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const SQL = await (loading ??= ready())
    const database = new SQL.Database()
    try {
      if (url.pathname === '/orm') {
        const db = drizzle(database, { schema: { notes } })
        database.run('create table notes (id integer primary key autoincrement, text text not null, stars integer default 0, tags text)')
        db.insert(notes).values([{ text: 'one', stars: 1 }, { text: 'zwei ü', stars: 5, tags: ['a', 'b'] }, { text: 'three' }]).run()
        db.update(notes).set({ stars: sql`${notes.stars} + 10` }).where(eq(notes.text, 'three')).run()
        const best = db.select({ text: notes.text, stars: notes.stars, tags: notes.tags }).from(notes).orderBy(desc(notes.stars)).limit(2).all()
        const total = db.select({ n: sql<number>`count(*)`, sum: sql<number>`sum(stars)` }).from(notes).get()
        return Response.json({ best, total, query: db.select().from(notes).where(eq(notes.id, 1)).toSQL() })
      }
      database.run('create table t (a integer, b text, c real, d blob)')
      const statement = database.prepare('insert into t values (?, ?, ?, ?)')
      for (let n = 0; n < 100; n++) statement.run([n, `row ${n}`, n / 3, new Uint8Array([n])])
      statement.free()
      const exported = database.export()
      const again = new SQL.Database(exported)
      const [result] = again.exec("select count(*), sum(a), max(b), round(avg(c), 3), hex(d), sqlite_version() > '3.40' from t where b like 'row 9%'")
      again.close()
      let error = ''
      try {
        database.exec('select * from nothing')
      } catch (thrown) {
        error = (thrown as Error).message
      }
      return Response.json({ columns: result.columns.length, row: result.values[0], bytes: exported.length, header: new TextDecoder().decode(exported.subarray(0, 15)), error })
    } finally {
      database.close()
    }
  },
} satisfies ExportedHandler
