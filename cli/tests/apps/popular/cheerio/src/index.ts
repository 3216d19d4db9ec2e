import * as cheerio from 'cheerio'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const $ = cheerio.load(await request.text())
    if (url.pathname === '/links') {
      return Response.json($('a[href]').map((_, a) => ({ text: $(a).text().trim(), href: new URL($(a).attr('href')!, 'https://example.com/a/').href })).get())
    }
    if (url.pathname === '/extract') {
      return Response.json($.extract({ title: 'title', items: ['li'], first: { selector: 'a', value: 'href' } }))
    }
    $('script, style').remove()
    $('a').attr('rel', 'nofollow').addClass('out')
    $('li').filter((n) => n % 2 === 1).replaceWith((n) => `<li data-n="${n}">replaced</li>`)
    $('body').append('<footer>&copy; ü</footer>')
    return new Response($.html(), { headers: { 'content-type': 'text/html; charset=utf-8' } })
  },
} satisfies ExportedHandler
