/** `<replace>`: Ruby's `gsub` on one field. */
import { compileSearch } from '../../codecs/onigmo.ts';
import type { SectionModel } from '../../config/model.ts';
import { getField, setField } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import { ExpressionFailure, compileExpression } from '../../ruby/expression.ts';
import { toFieldValue } from '../../ruby/fields.ts';
import type { Frame } from '../../ruby/frame.ts';
import { RubyRegexp } from '../../ruby/values.ts';
import type { RubyValue } from '../../ruby/values.ts';

export interface Replacement {
  readonly mayTakeLong: boolean;
  /** Changes fields that the caller owns. @throws ExpressionFailure where the field is no text, as Ruby raises there */
  apply(fields: Fields, frame: Frame): void;
}

/** The expression of `<replace>`, which stands between slashes; without them it is taken as it is. */
export function expressionSource(written: string): { readonly source: string; readonly isBare: boolean } {
  const isBare = !(written.length > 1 && written.startsWith('/') && written.endsWith('/'));
  return { source: isBare ? written : written.slice(1, -1), isBare };
}

export function compileReplacements(
  sections: readonly SectionModel[],
  warn: (text: string) => void,
): readonly Replacement[] {
  return sections.map(({ options }) => {
    const [key, written, replace] = [String(options['key']), String(options['expression']), String(options['replace'])];
    const { source, isBare } = expressionSource(written);
    if (isBare) warn(`<replace> ${key}: write expression /${written}/ instead of ${written}.`);
    const regexp = new RubyRegexp(source, '', compileSearch(source, ''));
    // What the evaluator does with `gsub`, with its limits and errors.
    const { expression } = compileExpression('${record.gsub(hostname, tag)}', true);
    return {
      mayTakeLong: regexp.guarded.isSlow,
      apply(fields, frame) {
        const value = getField(fields, key);
        if (value === undefined || value === null) return;
        if (typeof value !== 'string' && !(value instanceof Uint8Array))
          throw new ExpressionFailure(`<replace> ${key} : error = the value is not a text`, false, 'TypeError');
        const before = { ...frame.inputs };
        Object.assign(frame.inputs, { record: value, hostname: regexp, tag: replace } satisfies Partial<
          Record<keyof Frame['inputs'], RubyValue>
        >);
        try {
          setField(fields, key, toFieldValue(expression.run(frame), fields instanceof Map));
        } finally {
          Object.assign(frame.inputs, before);
        }
      },
    };
  });
}
