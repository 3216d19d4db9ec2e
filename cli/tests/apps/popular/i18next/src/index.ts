import i18next from 'i18next'

import de from './de.json'
import en from './en.json'

const i18n = i18next.createInstance()
await i18n.init({
  fallbackLng: 'en',
  supportedLngs: ['en', 'de', 'ar'],
  resources: { en: { translation: en }, de: { translation: de }, ar: { translation: { items_zero: '٠', items_two: 'اثنان', items_few: '{{count}} قليل', items_many: '{{count}} كثير', items_other: 'آخر' } } },
  interpolation: { escapeValue: true },
})

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const wanted = request.headers.get('accept-language')?.split(/[,;]/)[0] ?? 'en'
    const t = i18n.getFixedT(wanted)
    return Response.json({
      language: i18n.services.languageUtils.getBestMatchFromCodes([wanted]),
      hello: t('hello', { name: url.searchParams.get('name') ?? '<you>' }),
      items: [0, 1, 2, 3, 11, 100].map((count) => t('items', { count })),
      price: t('price', { value: 1234.5 }),
      date: t('date', { value: new Date(Date.UTC(2026, 0, 2)) }),
      list: t('list', { value: ['a', 'b', 'c'] }),
      nested: t('nested.deep'),
      missing: t('nowhere', 'a default'),
      context: t('friend', { context: 'female' }),
    })
  },
} satisfies ExportedHandler
