import { describe, expect, it } from 'vitest';
import { Router } from './router.ts';

describe('router', () => {
  const router = new Router<string>();
  router.add('GET', '/things', 'list');
  router.add('POST', '/things', 'create');
  router.add('GET', '/things/{id}', 'one');
  router.add('GET', '/things/types', 'types');
  router.add('DELETE', '/things/{id}/parts/{part}', 'remove');

  it('finds a route with its parameters, decoded', () => {
    expect(router.find('GET', '/things')).toEqual({ value: 'list', pattern: '/things', params: {} });
    expect(router.find('DELETE', '/things/7/parts/a%2Fb')).toEqual({ value: 'remove', pattern: '/things/{id}/parts/{part}', params: { id: '7', part: 'a/b' } });
    expect(router.find('GET', '/things/%zz')).toMatchObject({ params: { id: '%zz' } });
  });

  it('prefers text to a parameter', () => {
    expect(router.find('GET', '/things/types')).toMatchObject({ value: 'types' });
    expect(router.find('GET', '/things/other')).toMatchObject({ value: 'one' });
  });

  it('tells the methods that a path has, and that there is no path', () => {
    expect(router.find('PUT', '/things')).toEqual(['GET', 'POST']);
    expect(router.find('GET', '/thingsx')).toBeNull();
  });

  it('refuses the same route twice', () => {
    expect(() => router.add('GET', '/things', 'again')).toThrow('twice');
  });
});
