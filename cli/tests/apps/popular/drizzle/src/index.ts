import { and, eq, gt, inArray, relations, sql } from 'drizzle-orm'
import { drizzle as drizzlePg } from 'drizzle-orm/pg-proxy'
import { integer, jsonb, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { drizzle as drizzleSqlite } from 'drizzle-orm/sqlite-proxy'
import { integer as int, sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core'

const users = pgTable('users', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  settings: jsonb('settings').$type<{ dark: boolean }>(),
  made: timestamp('made', { withTimezone: true }).defaultNow(),
})
const posts = pgTable('posts', { id: serial('id').primaryKey(), author: integer('author').references(() => users.id), title: text('title') })
const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }))
const postsRelations = relations(posts, ({ one }) => ({ user: one(users, { fields: [posts.author], references: [users.id] }) }))
const items = sqliteTable('items', { id: int('id').primaryKey(), done: int('done', { mode: 'boolean' }), at: int('at', { mode: 'timestamp' }), name: sqliteText('name') })

type Asked = { sql: string; params: unknown[]; method: string }

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const asked: Asked[] = []
    if (pathname === '/postgres') {
      const db = drizzlePg(async (sql, params, method) => {
        asked.push({ sql, params, method })
        return { rows: method === 'all' && sql.includes('"users"') ? [[1, 'Ada', { dark: true }, '2026-01-02 03:04:05+00']] : [] }
      }, { schema: { users, posts, usersRelations, postsRelations } })
      const rows = await db.select().from(users).where(and(eq(users.name, 'Ada'), gt(users.id, 0), inArray(users.id, [1, 2])))
      await db.insert(users).values({ name: 'Größe', settings: { dark: false } }).onConflictDoNothing().returning({ id: users.id })
      const related = db.query.users.findMany({ with: { posts: { limit: 2 } }, columns: { id: true } }).toSQL()
      const joined = db.select({ name: users.name, n: sql<number>`count(${posts.id})` }).from(users).leftJoin(posts, eq(posts.author, users.id)).groupBy(users.name).toSQL()
      return Response.json({ rows, asked, related, joined })
    }
    const db = drizzleSqlite(async (sql, params, method) => {
      asked.push({ sql, params, method })
      return { rows: method === 'get' ? [1, 1, 1700000000, 'x'] : [[1, 0, 1700000000, 'y']] } as any
    })
    const one = await db.select().from(items).where(eq(items.done, true)).get()
    const all = await db.select().from(items).all()
    await db.update(items).set({ done: false, at: new Date(0) }).where(eq(items.id, 1))
    return Response.json({ one, all, asked })
  },
} satisfies ExportedHandler
