#include "csuperv.h"
