import { createClient } from '@supabase/supabase-js'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const supabase = createClient(request.headers.get('x-upstream')!, 'anon-key', { auth: { persistSession: false } })
    switch (url.pathname) {
      case '/notes':
        return Response.json(await supabase.from('notes').select('id, text', { count: 'exact' }).eq('owner', 'ada').order('id').range(0, 9))
      case '/none':
        return Response.json(await supabase.from('notes').select().eq('owner', 'nobody').single())
      case '/insert':
        return Response.json(await supabase.from('notes').insert({ text: 'für alle' }).select())
      case '/session': {
        const { data, error } = await supabase.auth.signInWithPassword({ email: 'ada@example.com', password: url.searchParams.get('password') ?? '' })
        return Response.json({ user: data.user, token: data.session?.access_token ?? null, error: error && { name: error.name, code: error.code, message: error.message } })
      }
      default:
        return new Response('not found', { status: 404 })
    }
  },
} satisfies ExportedHandler
