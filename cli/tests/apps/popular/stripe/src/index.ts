import Stripe from 'stripe'

const secret = 'whsec_test'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const upstream = new URL(request.headers.get('x-upstream') ?? 'http://127.0.0.1:1')
    const stripe = new Stripe('sk_test_1', {
      httpClient: Stripe.createFetchHttpClient(),
      host: upstream.hostname,
      port: upstream.port,
      protocol: 'http',
      maxNetworkRetries: 0,
      telemetry: false,
    })
    if (url.pathname === '/sign') {
      const payload = await request.text()
      const header = await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp: Math.floor(Date.now() / 1000) })
      return Response.json({ header })
    }
    if (url.pathname === '/customers') {
      const customer = await stripe.customers.create({ email: 'ada@example.com', metadata: { plan: 'größer', seats: 3 } }, { idempotencyKey: 'once' })
      return Response.json(customer)
    }
    // A webhook, as the documentation for Workers has it.
    try {
      const event = await stripe.webhooks.constructEventAsync(
        await request.text(),
        request.headers.get('stripe-signature') ?? '',
        secret,
        undefined,
        Stripe.createSubtleCryptoProvider(),
      )
      return Response.json({ received: event.type, id: event.id })
    } catch (error) {
      return Response.json({ error: (error as Error).constructor.name, message: (error as Error).message.split('\n')[0] }, { status: 400 })
    }
  },
} satisfies ExportedHandler
