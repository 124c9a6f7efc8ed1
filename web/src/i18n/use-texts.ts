/** The chosen language's texts and formats in components. */
import { useSyncExternalStore } from 'react';
import { currentSettings, onSettings } from '../state/settings.ts';
import type { Settings } from '../state/settings.ts';
import { en } from './en.ts';
import type { Texts } from './en.ts';
import { formatsOf } from './format.ts';
import type { Formats, Language } from './format.ts';
import { ko } from './ko.ts';

const texts: Readonly<Record<Language, Texts>> = { en, ko };
const formats: Readonly<Record<Language, Formats>> = { en: formatsOf('en'), ko: formatsOf('ko') };

export function useSettings(): Settings {
  return useSyncExternalStore(onSettings, currentSettings);
}

export function useTexts(): Texts {
  return texts[useSettings().language];
}

export function useFormats(): Formats {
  return formats[useSettings().language];
}
