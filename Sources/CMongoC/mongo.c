#include "CMongoC.h"
int convoy_mongo_placeholder(void){return 0;}
