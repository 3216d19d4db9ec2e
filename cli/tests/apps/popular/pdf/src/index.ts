import { degrees, PDFDocument, rgb, StandardFonts } from 'pdf-lib'
import { extractText, getDocumentProxy, getMeta } from 'unpdf'

async function make(title: string, lines: string[]) {
  const pdf = await PDFDocument.create()
  const at = new Date(Date.UTC(2026, 0, 2))
  pdf.setTitle(title)
  pdf.setCreationDate(at)
  pdf.setModificationDate(at)
  const font = await pdf.embedFont(StandardFonts.Helvetica)
  for (const line of lines) {
    const page = pdf.addPage([300, 200])
    page.drawText(line, { x: 20, y: 150, size: 14, font, color: rgb(0, 0.4, 0.4) })
    page.drawRectangle({ x: 20, y: 20, width: 60, height: 30, rotate: degrees(10), borderWidth: 2 })
  }
  const form = pdf.getForm()
  const field = form.createTextField('name')
  field.setText('Ada')
  field.addToPage(pdf.getPage(0), { x: 100, y: 20 })
  return pdf.save()
}

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const bytes = await make(url.searchParams.get('title') ?? 'A title', url.searchParams.getAll('line'))
    if (url.pathname === '/file.pdf') return new Response(bytes, { headers: { 'content-type': 'application/pdf', 'content-disposition': 'inline; filename="file.pdf"' } })
    if (url.pathname === '/merge') {
      const [one, two] = await Promise.all([PDFDocument.load(bytes), PDFDocument.load(bytes)])
      for (const page of await one.copyPages(two, two.getPageIndices())) one.addPage(page)
      return Response.json({ pages: one.getPageCount(), field: one.getForm().getTextField('name').getText() })
    }
    const pdf = await getDocumentProxy(bytes)
    const { text, totalPages } = await extractText(pdf)
    const { info } = await getMeta(pdf)
    return Response.json({ totalPages, text, title: info.Title })
  },
} satisfies ExportedHandler
