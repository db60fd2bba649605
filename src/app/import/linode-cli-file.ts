import type { TemplateDefaults } from './template.ts';

/** Defaults in the configuration of linode-cli (an INI file): region, type and image of its default user. The token in it is not looked at. */
export function linodeCliDefaults(text: string): TemplateDefaults {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const row of text.split(/\r?\n/)) {
    const title = /^\s*\[([^\]]+)\]\s*$/.exec(row)?.[1];
    if (title !== undefined) {
      section = sections.get(title) ?? new Map();
      sections.set(title, section);
      continue;
    }
    const entry = /^\s*(default-user|region|type|image)\s*[=:]\s*(\S+)\s*$/.exec(row);
    if (entry?.[1] !== undefined && entry[2] !== undefined) section.set(entry[1], entry[2]);
  }
  const user = sections.get('DEFAULT')?.get('default-user');
  const found = user === undefined ? undefined : sections.get(user);
  return { region: found?.get('region') ?? null, type: found?.get('type') ?? null, image: found?.get('image') ?? null };
}
