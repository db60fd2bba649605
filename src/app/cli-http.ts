export { createHttp, type RealHttp } from '../platform/http.ts';
