import cookie from 'cookie';
import _, { groupBy } from 'lodash';
import debounce from 'lodash/debounce';
import ms from 'ms';
import Mustache from 'mustache';
import qs from 'qs';
import semver from 'semver';
import satisfies from 'semver/functions/satisfies';
import { v4 as uuid, v5, validate } from 'uuid';

import catalogue, { find } from './lib/catalogue.cjs';
import * as circular from './lib/first.cjs';

const routes = {
  '/items': (url) => {
    const { filter = {}, sort = 'name' } = qs.parse(url.search, { ignoreQueryPrefix: true });
    const items = _.chain(catalogue.items)
      .filter((item) => _.every(filter, (value, key) => String(_.get(item, key)) === value))
      .sortBy(sort)
      .map((item) => _.pick(item, ['name', 'kind']))
      .value();
    return { items, kinds: _.mapValues(groupBy(items, 'kind'), 'length') };
  },
  '/item': (url) => find(url.searchParams.get('name')) ?? null,
  '/qs': () => qs.stringify({ a: { b: ['c', 'd'] }, e: new Date(0), f: null }, { encode: false, arrayFormat: 'brackets' }),
  '/ids': () => ({ v4: validate(uuid()), differ: uuid() !== uuid(), v5: v5('example.com', v5.DNS) }),
  '/ms': () => [ms('2 days'), ms('1.5h'), ms(60_000, { long: true })],
  '/semver': () => ({
    sorted: ['1.10.0', '1.2.0', '1.2.0-beta.2'].sort(semver.compare),
    satisfies: satisfies('1.4.2', '^1.2.3 || >=3'),
    next: semver.inc('1.2.3', 'minor'),
  }),
  '/cookie': () => [cookie.parse('a=1; b=%C3%BC'), cookie.serialize('s', 'ü', { httpOnly: true, maxAge: 60, sameSite: 'lax' })],
  '/page': () => Mustache.render('{{#items}}<li>{{name}}{{^kind}}?{{/kind}}</li>{{/items}}', { items: [{ name: 'a & b' }, { name: 'c', kind: 1 }] }),
  '/interop': () => ({
    self: typeof _.now(),
    debounce: typeof debounce,
    circular: circular.value,
    keys: Object.keys(catalogue).sort(),
    strict: catalogue.sloppyThis(),
  }),
};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? Response.json(route(url)) : new Response('not found', { status: 404 });
  },
};
