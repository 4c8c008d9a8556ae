export default defineStack({});
