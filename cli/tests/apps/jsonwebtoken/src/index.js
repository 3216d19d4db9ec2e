import jwt from 'jsonwebtoken';

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === '/sign') {
      const options = { algorithm: url.searchParams.get('alg') ?? 'HS256', expiresIn: '2 days', subject: 'ada', noTimestamp: true };
      return Response.json({ token: jwt.sign({ role: 'admin' }, env.SECRET, options) });
    }
    try {
      const { role, sub } = jwt.verify(await request.text(), env.SECRET);
      return Response.json({ role, sub });
    } catch (error) {
      return Response.json({ name: error.name, message: error.message, known: error instanceof jwt.JsonWebTokenError }, { status: 401 });
    }
  },
};
