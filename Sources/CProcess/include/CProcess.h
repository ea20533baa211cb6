int convoy_process_placeholder(void);
