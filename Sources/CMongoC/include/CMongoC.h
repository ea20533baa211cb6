#include <mongoc/mongoc.h>
int convoy_mongo_placeholder(void);
