import axios, { AxiosError } from 'axios'
import ky, { HTTPError } from 'ky'
import { ofetch } from 'ofetch'

export default {
  async fetch(request) {
    const upstream = request.headers.get('x-upstream')!
    const unique = crypto.randomUUID()
    switch (new URL(request.url).pathname) {
      case '/axios': {
        const client = axios.create({ baseURL: upstream, headers: { 'x-reader': 'axios' } })
        client.interceptors.request.use((config) => ({ ...config, params: { ...config.params, added: 1 } }))
        const posted = await client.post('/echo', { name: 'Größe' }, { params: { tags: ['a', 'b'] } })
        const form = await client.postForm('/echo', { a: 1, b: 'x' }).then((it) => it.data.headers['content-type'].split(';')[0])
        const failed = await client.get('/nowhere').catch((error: AxiosError) => ({ status: error.response?.status, code: error.code, message: error.message }))
        return Response.json({ posted: posted.data, status: posted.status, form, failed })
      }
      case '/ky': {
        const client = ky.create({ prefixUrl: upstream, headers: { 'x-reader': 'ky' }, retry: { limit: 4, backoffLimit: 1 } })
        const posted = await client.post('echo', { json: { name: 'Größe' }, searchParams: { q: 1 } }).json()
        const flaky = await client.get(`flaky?ky-${unique}`).json()
        const failed = await client.get('nowhere', { retry: 0 }).catch((error: HTTPError) => ({ name: error.name, status: error.response.status }))
        return Response.json({ posted, flaky, failed })
      }
      default: {
        const client = ofetch.create({ baseURL: upstream, headers: { 'x-reader': 'ofetch' } })
        const posted = await client('/echo', { method: 'POST', body: { name: 'Größe' }, query: { q: [1, 2] } })
        const flaky = await client(`/flaky?ofetch-${unique}`, { retry: 4, retryDelay: 1 })
        const failed = await client('/nowhere', { retry: 0 }).catch((error) => ({ name: error.name, status: error.status, data: error.data }))
        return Response.json({ posted, flaky, failed })
      }
    }
  },
} satisfies ExportedHandler
