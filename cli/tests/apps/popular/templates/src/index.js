import Handlebars from 'handlebars/runtime'
import { Liquid } from 'liquidjs'
import Mustache from 'mustache'

import card from './card'

const liquid = new Liquid({ templates: { footer: '<footer>{{ who | upcase }}</footer>' } })
Handlebars.registerHelper('loud', (text) => text.toUpperCase())
Handlebars.registerPartial('sign', Handlebars.template(card.sign))
const list = Handlebars.template(card.list)

const data = { title: 'List <1>', items: [{ name: 'one', price: 1.5 }, { name: 'zwei & drei', price: 20 }], empty: [], who: 'ada' }

export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/mustache':
        return new Response(Mustache.render('{{title}} {{{title}}}{{#items}} {{name}}={{price}}{{/items}}{{^empty}} none{{/empty}} {{#wrap}}x{{/wrap}}{{>foot}}', { ...data, wrap: () => (text, render) => `<i>${render(text)}</i>` }, { foot: ' by {{who}}' }))
      case '/liquid':
        return new Response(await liquid.parseAndRender('{% assign n = items | size %}{{ title | escape }} ({{ n }}){% for it in items %} {{ forloop.index }}:{{ it.name | truncate: 6 }}={{ it.price | times: 2 }}{% endfor %} {{ "2026-01-02" | date: "%d %B %Y" }}{% render "footer", who: who %}', data))
      default:
        return new Response(list(data))
    }
  },
}
