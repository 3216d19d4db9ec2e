import MarkdownIt from 'markdown-it'
import { Marked } from 'marked'
import rehypeStringify from 'rehype-stringify'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'

const it = new MarkdownIt({ html: false, linkify: true, typographer: true })
const marked = new Marked({ gfm: true, renderer: { heading({ tokens, depth }) {
  const text = this.parser.parseInline(tokens)
  return `<h${depth} id="${text.toLowerCase().replaceAll(/\W+/g, '-')}">${text}</h${depth}>\n`
} } })
const pipeline = unified().use(remarkParse).use(remarkGfm).use(remarkRehype).use(rehypeStringify)

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const text = await request.text()
    const html = pathname === '/marked' ? await marked.parse(text) : pathname === '/unified' ? String(await pipeline.process(text)) : it.render(text)
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
  },
} satisfies ExportedHandler
