import { assign, createActor, fromPromise, setup, toPromise, waitFor } from 'xstate'

const order = setup({
  types: { context: {} as { items: number; tries: number; paid?: string }, events: {} as { type: 'add' } | { type: 'pay' } | { type: 'cancel' } },
  actors: { pay: fromPromise(async ({ input }: { input: { tries: number } }) => {
    await scheduler.wait(1)
    if (input.tries < 2) throw new Error('declined')
    return `receipt ${input.tries}`
  }) },
  guards: { hasItems: ({ context }) => context.items > 0 },
  delays: { soon: 5 },
}).createMachine({
  id: 'order',
  initial: 'open',
  context: { items: 0, tries: 0 },
  states: {
    open: { on: { add: { actions: assign({ items: ({ context }) => context.items + 1 }) }, pay: { guard: 'hasItems', target: 'paying' }, cancel: 'cancelled' } },
    paying: { entry: assign({ tries: ({ context }) => context.tries + 1 }), invoke: { src: 'pay', input: ({ context }) => ({ tries: context.tries }), onDone: { target: 'paid', actions: assign({ paid: ({ event }) => event.output }) }, onError: 'waiting' } },
    waiting: { after: { soon: 'paying' } },
    paid: { type: 'final' },
    cancelled: { type: 'final' },
  },
  output: ({ context }) => context,
})

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const seen: unknown[] = []
    const actor = createActor(order)
    actor.subscribe((it) => seen.push(it.value))
    actor.start()
    actor.send({ type: 'pay' })
    actor.send({ type: 'add' })
    if (pathname === '/kept') {
      const kept = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()))
      const again = createActor(order, { snapshot: kept }).start()
      again.send({ type: 'cancel' })
      return Response.json({ kept: kept.value, then: again.getSnapshot().value })
    }
    actor.send({ type: 'pay' })
    await waitFor(actor, (it) => it.matches('paid'))
    return Response.json({ seen, output: await toPromise(actor), status: actor.getSnapshot().status })
  },
} satisfies ExportedHandler
