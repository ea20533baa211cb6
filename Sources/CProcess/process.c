#include "CProcess.h"
int convoy_process_placeholder(void){return 0;}
