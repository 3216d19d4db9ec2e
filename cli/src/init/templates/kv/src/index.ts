export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "DELETE") {
      await env.VISITS.delete(pathname);
      return new Response(null, { status: 204 });
    }
    const visits = Number((await env.VISITS.get(pathname)) ?? 0) + 1;
    await env.VISITS.put(pathname, String(visits));
    return Response.json({ path: pathname, visits });
  },
} satisfies ExportedHandler<Env>;
