import { computed, createSSRApp, defineComponent, h, inject, provide, ref, Suspense } from 'vue'
import { renderToString, renderToWebStream } from 'vue/server-renderer'

const Item = defineComponent({
  props: { name: { type: String, required: true } },
  setup(props) {
    const shout = inject<(text: string) => string>('shout')!
    return () => h('li', { class: ['item', { long: props.name.length > 3 }], style: { color: 'teal' } }, shout(props.name))
  },
})

const Later = defineComponent({
  async setup() {
    await new Promise((resolve) => setTimeout(resolve, 2))
    const when = ref('later')
    return () => h('p', when.value)
  },
})

const page = (names: string[]) => createSSRApp({
  setup() {
    provide('shout', (text: string) => text.toUpperCase())
    const count = computed(() => names.length)
    return () => h('main', { id: 'app', 'data-count': count.value }, [h('ul', names.map((name) => h(Item, { name, key: name }))), h(Suspense, null, { default: () => h(Later) }), h('input', { value: '"<', disabled: true })])
  },
})

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const app = page(url.searchParams.getAll('name'))
    const headers = { 'content-type': 'text/html; charset=utf-8' }
    if (url.pathname === '/stream') return new Response(renderToWebStream(app), { headers })
    return new Response(await renderToString(app), { headers })
  },
} satisfies ExportedHandler
