import { z } from 'zod'

const Money = z.object({ amount: z.number().positive(), currency: z.enum(['EUR', 'USD']) })

const Item = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('book'), isbn: z.string().regex(/^\d{13}$/), price: Money }),
  z.object({ kind: z.literal('gift'), message: z.string().max(20).trim() }),
])

const Order = z.strictObject({
  id: z.uuid(),
  email: z.email(),
  placed: z.iso.datetime().transform((text) => new Date(text)),
  items: z.array(Item).min(1),
  shipping: z.url().optional(),
  priority: z.coerce.number().int().default(0),
}).refine((order) => order.items.length < 3, { path: ['items'], error: 'too many items' })

type Order = z.infer<typeof Order>

const total = (order: Order) =>
  order.items.reduce((sum, item) => sum + (item.kind === 'book' ? item.price.amount : 0), 0)

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'GET') {
      return Response.json(z.toJSONSchema(Money))
    }
    const result = Order.safeParse(await request.json())
    if (!result.success) {
      const { formErrors, fieldErrors } = z.flattenError(result.error)
      return Response.json({ formErrors, fieldErrors, text: z.prettifyError(result.error) }, { status: 400 })
    }
    const order = result.data
    return Response.json({ ...order, year: order.placed.getUTCFullYear(), total: total(order) })
  },
}
