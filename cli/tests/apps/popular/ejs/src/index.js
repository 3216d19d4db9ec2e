import ejs from 'ejs'

import page from './page'

// Templates become functions when they are built: code from
// strings is refused on Workers.
export default {
  async fetch(request) {
    const url = new URL(request.url)
    if (url.pathname === '/render') {
      try {
        return new Response(ejs.render('<p><%= name %></p>', { name: 'x' }))
      } catch (error) {
        return Response.json({ error: error.name, message: error.message })
      }
    }
    const users = url.searchParams.getAll('user')
    const footer = ({ count }) => `<small>${count}</small>`
    const html = page({ title: 'Users', users, footer }, ejs.escapeXML)
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8', 'x-delimiter': ejs.delimiter ?? '%' } })
  },
}
