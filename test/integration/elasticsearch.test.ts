import { elasticsearch } from '../services/elasticsearch.ts';
import { searchTests } from './search-tests.ts';

searchTests('Elasticsearch', elasticsearch);
