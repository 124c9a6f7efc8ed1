import { opensearch } from '../services/opensearch.ts';
import { searchTests } from './search-tests.ts';

searchTests('OpenSearch', opensearch);
