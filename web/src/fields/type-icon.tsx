import { useTexts } from '../i18n/use-texts.ts';
import type { FieldKind } from '../json/fields.ts';
import { Icon } from '../ui/icon.tsx';
import type { IconName } from '../ui/icon.tsx';

const icons: Readonly<Record<FieldKind, IconName>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  object: 'object',
  array: 'array',
  null: 'minus',
};

/** A field's type; of several the most frequent, all in the tooltip. */
export function TypeIcon({ types }: { readonly types: readonly FieldKind[] }) {
  const texts = useTexts();
  const text = types.map((type) => texts.fields.types[type]).join(', ');
  return (
    <span className="type-icon" data-type={types[0]} title={text}>
      <Icon name={icons[types[0] ?? 'string']} size={14} />
      <span className="hidden-text">{text}</span>
    </span>
  );
}
