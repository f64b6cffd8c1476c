// Made by `npm run openapi` from openapi.json: change the routes, not this.

export interface paths {
    "/api/search/{index}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search one index
         * @description Exact matches first, then beginnings of the field, then beginnings of its words; one wrong keystroke is forgiven where little else fits. Case, accents, apostrophes and separators in part numbers do not matter. `active`, `sort`, `offset` and the filters make the search go to the end of its matches and count them.
         */
        get: operations["searchIndex"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search several indexes
         * @description What a search in each of them answers, in one request.
         */
        get: operations["searchIndexes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/records/{entity}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Records by their ids
         * @description As search answers them, active or not: labels for the values that a form has stored.
         */
        get: operations["records"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/cache/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Connection, age and size of the cache
         * @description The health probe of a container: 200 while the process can serve, connected or not.
         */
        get: operations["cacheStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/cache/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refresh the cache now
         * @description Runs, or joins, a refresh of all entities and answers 200 when it is done; or 202 after 25 seconds, since many clients wait for 30, and the refresh goes on.
         */
        post: operations["refreshCache"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/customers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached customers as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataCustomers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/vendors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached vendors as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataVendors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached items as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataItems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/invoices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached invoices as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataInvoices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/estimates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached estimates as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataEstimates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/purchase_orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached purchase_orders as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataPurchaseOrders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data/bills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cached bills as QuickBooks sent them
         * @description Inactive ones included, what came in last first.
         */
        get: operations["dataBills"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/indexes/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sizes of the search indexes */
        get: operations["indexesStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Liveness */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What changed since a cursor
         * @description Records and deletions in the order in which they were cached. Without a cursor it begins with all records, or answers 503 until all have been read once; apply page after page, keep the last cursor, and the copy stays equal. A page of large records has fewer than `limit`. 410 when a cursor cannot be continued.
         */
        get: operations["changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Changes as they happen, as server-sent events
         * @description First an event `ready` with {cursor}, then `change` with {entity, ids, cursor} for each change, when search shows it. Of an entity that is read for the first time, when it is cached; and once more, without ids, when search shows it as a whole. With a cursor, or the header Last-Event-ID that a browser sends when it comes back, it begins with what was missed. `reset` with {cursor} says that this cannot be told any more: load everything anew. A parameter `cursor` that cannot be continued is refused with 410, because a browser does not come back after that.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/quickbooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Where Intuit announces changes
         * @description CloudEvents or classic notifications, with the signature of the verifier token in `intuit-signature`. Answered once they are kept; QuickBooks is asked for the records afterwards.
         */
        post: operations["quickbooksWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Figures for Prometheus */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Connect QuickBooks, in a browser
         * @description Sends the browser to Intuit's consent page, bound to this browser by a cookie. On another host than the redirect URI's it first goes there, so that the cookie fits the callback.
         */
        get: operations["connect"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Where Intuit sends the browser back */
        get: operations["callback"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Intuit's consent page, for the MRP's own Connect button
         * @description The state in it is single use and good for ten minutes; it is not bound to a browser.
         */
        get: operations["authUrl"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The state of the connection */
        get: operations["authStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/disconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Disconnect QuickBooks
         * @description Revokes the tokens at Intuit, then forgets them and all cached data.
         */
        post: operations["disconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Try the connection: asks QuickBooks for the company */
        get: operations["testConnection"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The configuration in force, without secrets */
        get: operations["configInForce"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Error: {
            statusCode: number;
            /** @description Stable, for programs */
            code: string;
            /** @description The status in HTTP's words */
            error: string;
            /** @description What happened, what was kept, what to do */
            message: string;
        };
        ErrorInWords: {
            statusCode: number;
            /** @description Stable, for programs */
            code: string;
            /** @description The same as `message`, for callers that show it to people */
            error: string;
            /** @description What happened, what was kept, what to do */
            message: string;
        };
        CustomerResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "customer";
            /** @description Name for display, without " (deleted)" */
            name: string;
            active: boolean;
            /** @description CompanyName */
            company_name: string | null;
            /** @description PrimaryEmailAddr */
            email: string | null;
            /** @description PrimaryPhone */
            phone: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        VendorResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "vendor";
            /** @description Name for display, without " (deleted)" */
            name: string;
            active: boolean;
            /** @description CompanyName */
            company_name: string | null;
            /** @description PrimaryEmailAddr */
            email: string | null;
            /** @description PrimaryPhone */
            phone: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        ItemResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "item";
            /** @description Name for display, without " (deleted)" */
            name: string;
            active: boolean;
            /** @description Inventory, NonInventory, Service, Group or Category */
            item_type: string | null;
            /** @description Sku */
            sku: string | null;
            /** @description Sales price in the home currency */
            unit_price: number | null;
            /** @description Description on sales forms */
            description: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        InvoiceResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "invoice";
            /** @description The number, or the kind and the Id of what has none */
            name: string;
            /** @description Always true */
            active: boolean;
            /** @description DocNumber */
            doc_number: string | null;
            /** @description TxnDate */
            date: string | null;
            /** @description DueDate */
            due_date: string | null;
            /** @description TotalAmt */
            total: number | null;
            /** @description Id of the customer */
            customer_id: string | null;
            /** @description Name of the customer, as it was when QuickBooks last changed the transaction */
            customer_name: string | null;
            /** @description What is still owed */
            balance: number | null;
            /** @description The customer's purchase-order number */
            po_number: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        EstimateResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "estimate";
            /** @description The number, or the kind and the Id of what has none */
            name: string;
            /** @description Always true */
            active: boolean;
            /** @description DocNumber */
            doc_number: string | null;
            /** @description TxnDate */
            date: string | null;
            /** @description DueDate */
            due_date: string | null;
            /** @description TotalAmt */
            total: number | null;
            /** @description Id of the customer */
            customer_id: string | null;
            /** @description Name of the customer, as it was when QuickBooks last changed the transaction */
            customer_name: string | null;
            /** @description Pending, Accepted, Converted, Closed or Rejected */
            status: string | null;
            /** @description The customer's purchase-order number */
            po_number: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        PurchaseOrderResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "purchase_order";
            /** @description The number, or the kind and the Id of what has none */
            name: string;
            /** @description Always true */
            active: boolean;
            /** @description DocNumber */
            doc_number: string | null;
            /** @description TxnDate */
            date: string | null;
            /** @description DueDate */
            due_date: string | null;
            /** @description TotalAmt */
            total: number | null;
            /** @description Id of the vendor */
            vendor_id: string | null;
            /** @description Name of the vendor, as it was when QuickBooks last changed the transaction */
            vendor_name: string | null;
            /** @description Open or Closed */
            status: string | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        BillResult: {
            /** @description QuickBooks Id, unique within its type */
            id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "bill";
            /** @description The number, or the kind and the Id of what has none */
            name: string;
            /** @description Always true */
            active: boolean;
            /** @description DocNumber */
            doc_number: string | null;
            /** @description TxnDate */
            date: string | null;
            /** @description DueDate */
            due_date: string | null;
            /** @description TotalAmt */
            total: number | null;
            /** @description Id of the vendor */
            vendor_id: string | null;
            /** @description Name of the vendor, as it was when QuickBooks last changed the transaction */
            vendor_name: string | null;
            /** @description What is still owed */
            balance: number | null;
            /** @description By field: ranges [start, length] in UTF-16 units, ascending and disjoint */
            highlights?: {
                [key: string]: number[][];
            };
            explanation?: {
                /** @description The way in which it was found */
                pass: string;
                /** @description The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc` */
                fields: string[];
            };
        };
        /** @description The state of everything */
        CacheStatus: {
            /** @description not_configured → not_authenticated → authenticated_no_data → connected; reconnect_required when a person must act */
            connection_status: "not_configured" | "not_authenticated" | "authenticated_no_data" | "connected" | "reconnect_required";
            /** @description Tokens are at hand that QuickBooks has not refused */
            is_authenticated: boolean;
            /** @description Client id and secret are set */
            has_valid_config: boolean;
            /** @description The newest success of any entity, ISO 8601 or null */
            last_updated: string | null;
            customers_count: number;
            vendors_count: number;
            items_count: number;
            invoices_count: number;
            estimates_count: number;
            purchase_orders_count: number;
            bills_count: number;
            entities: {
                [key: string]: {
                    /** @description Cached records, inactive ones included */
                    count: number;
                    active_count: number;
                    /** @description Records of the last refresh that could not be read */
                    set_aside_count: number;
                    /** @description End of the last complete refresh, ISO 8601 or null */
                    last_success: string | null;
                    /** @description Begin of the last refresh, ISO 8601 or null */
                    last_attempt: string | null;
                    /** @description End of the last complete reading of everything, ISO 8601 or null */
                    last_full_sync: string | null;
                    /** @description Records that it had to repair, because no look for changes and no webhook had brought them; null before the second one */
                    drift_count: number | null;
                    /** @description Records that QuickBooks no longer shows and that were kept, because they are too many; dropped when the next full reading agrees, or with POST /api/cache/refresh?force=true */
                    held_back_count: number;
                    /** @description Why the last attempt failed; null after a success */
                    last_error: string | null;
                    /** @description Seconds since the last success */
                    age_seconds: number | null;
                };
            };
            refresh: {
                running: boolean;
                /** @description Begin of the running refresh, ISO 8601 or null */
                started_at: string | null;
                /** @description Records read so far, by entity */
                progress: {
                    [key: string]: {
                        fetched: number;
                        /** @description null until known */
                        expected: number | null;
                        done: boolean;
                    };
                };
            };
            /** @description Whether QuickBooks answers at all */
            quickbooks: {
                /** @description closed: it answers. open: it did not answer several times and is left alone. half_open: one request finds out */
                circuit: "closed" | "open" | "half_open";
                /** @description Until when nothing is asked by the clock, because it did not answer or asked to wait; null when it is not waited for, ISO 8601 or null */
                retry_at: string | null;
            };
            /** @description Reads of QuickBooks that Intuit bills, this month */
            reads: {
                /** @description In UTC */
                month: string;
                spent: number;
                /** @description null: unlimited */
                budget: number | null;
                /** @description true: until the month ends only webhooks and an admin make QuickBooks be read */
                is_spent: boolean;
                /** @description `all`: looks for changes, which are for all entities; `company`: tries of the connection */
                by_entity: {
                    [key: string]: number;
                };
                /** @description `full` and `changes` by the clock; `webhook`; `admin`: asked for, or first after connecting; `test` */
                by_reason: {
                    [key: string]: number;
                };
            };
            /** @description What went wrong since the start of the process that leads, the latest first */
            problems: {
                /** @description Stable, for programs */
                code: string;
                /** @description An entity, or `connection` */
                about: string;
                /** @description What happened the last time, what was kept, what to do */
                message: string;
                count: number;
                /** @description When it came first since the start, ISO 8601 or null */
                first_at: string | null;
                /** @description When it came last, ISO 8601 or null */
                last_at: string | null;
            }[];
            /** @description This process among those that serve from the same database */
            replica: {
                /** @description Names this process */
                id: string;
                /** @description leader: it asks Intuit and follows QuickBooks for all. follower: it follows the cache */
                role: "leader" | "follower";
                /** @description Who leads, as far as this one knows; null for a moment, until another one does */
                leader: string | null;
                /** @description Since when this one may be behind the cache; about a second at most while all is well */
                lag_seconds: number;
                /** @description false: what is told here of the cache is what was known before */
                is_database_reachable: boolean;
            };
            webhooks: {
                /** @description Posts whose records are not read yet; one about several entities counts for each */
                waiting: number;
                /** @description When the last post with a right signature came, since the start, ISO 8601 or null */
                last_received: string | null;
                /** @description Events since the start about another company, or about what SYNC_ENTITIES does not name */
                ignored: number;
            };
            /** @description It is renewed before, ISO 8601 or null */
            access_token_expires_at: string | null;
            /** @description When the connection dies if the service does not run until then, ISO 8601 or null */
            refresh_token_expires_at: string | null;
            /** @description When a person must connect again, five years after the last time, ISO 8601 or null */
            consent_expires_at: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    searchIndex: {
        parameters: {
            query?: {
                /** @description What the person typed so far; required unless `suggest=true` */
                q?: string;
                /** @description Most results to return */
                limit?: number;
                /** @description Adds `highlights` to each result: which parts of its fields the query means */
                highlight?: boolean;
                /** @description With an empty `q`: the records that matter most, for the moment a field gets the focus */
                suggest?: boolean;
                /** @description Adds `explanation` to each result: why it is there. Needs the admin key */
                explain?: boolean;
                /** @description Active records (the default), inactive ones, or both */
                active?: "true" | "false" | "all";
                /** @description The order of the results, `-` for descending; relevance when not given */
                sort?: "relevance" | "name" | "-name" | "last_updated" | "-last_updated" | "unit_price" | "-unit_price" | "total" | "-total" | "balance" | "-balance";
                /** @description Matches to skip, to page to the end of them */
                offset?: number;
                /** @description Inventory, NonInventory, Service or Group */
                item_type?: string;
                /** @description A category, with what is in its sub-categories: Hardware or Hardware:Bolts */
                category?: string;
                /** @description Id of the customer */
                customer_id?: string;
                /** @description The `status` of the results: Open or Closed purchase orders, Pending or Accepted estimates */
                status?: string;
                /** @description Id of the vendor */
                vendor_id?: string;
                /** @description Least unit_price */
                min_price?: number;
                /** @description Most unit_price */
                max_price?: number;
                /** @description Least total */
                min_total?: number;
                /** @description Most total */
                max_total?: number;
                /** @description Least balance */
                min_balance?: number;
                /** @description Most balance */
                max_balance?: number;
            };
            header?: never;
            path: {
                /** @description What to search */
                index: "client_names" | "vendor_names" | "product_names" | "part_names" | "part_numbers" | "product_descriptions" | "invoices" | "client_pos" | "estimates" | "purchase_orders" | "bills";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The best matches */
            200: {
                headers: {
                    /** @description Changes when the answer can be another */
                    etag?: string;
                    /** @description Seconds since the data was last brought up to date with QuickBooks; absent until it was */
                    "x-data-age"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description q as it was sent */
                        query: string;
                        /** @description Best first */
                        results: (components["schemas"]["CustomerResult"] | components["schemas"]["VendorResult"] | components["schemas"]["ItemResult"] | components["schemas"]["InvoiceResult"] | components["schemas"]["EstimateResult"] | components["schemas"]["PurchaseOrderResult"] | components["schemas"]["BillResult"])[];
                        /** @description Number of results returned */
                        total: number;
                        /** @description All matches; with `offset`, `sort` or a filter */
                        total_matches?: number;
                    };
                };
            };
            /** @description The answer with the ETag in If-None-Match still holds */
            304: {
                headers: {
                    /** @description Changes when the answer can be another */
                    etag?: string;
                    /** @description Seconds since the data was last brought up to date with QuickBooks; absent until it was */
                    "x-data-age"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    searchIndexes: {
        parameters: {
            query: {
                /** @description What to search, comma separated */
                indexes: string;
                /** @description What the person typed so far; required unless `suggest=true` */
                q?: string;
                /** @description Most results to return */
                limit?: number;
                /** @description Adds `highlights` to each result: which parts of its fields the query means */
                highlight?: boolean;
                /** @description With an empty `q`: the records that matter most, for the moment a field gets the focus */
                suggest?: boolean;
                /** @description Adds `explanation` to each result: why it is there. Needs the admin key */
                explain?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The best matches in each index, in the order in which the indexes were named */
            200: {
                headers: {
                    /** @description Changes when the answer can be another */
                    etag?: string;
                    /** @description Seconds since the data was last brought up to date with QuickBooks; absent until it was */
                    "x-data-age"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description q as it was sent */
                        query: string;
                        groups: {
                            index: string;
                            /** @description Best first */
                            results: (components["schemas"]["CustomerResult"] | components["schemas"]["VendorResult"] | components["schemas"]["ItemResult"] | components["schemas"]["InvoiceResult"] | components["schemas"]["EstimateResult"] | components["schemas"]["PurchaseOrderResult"] | components["schemas"]["BillResult"])[];
                            /** @description Number of results returned */
                            total: number;
                        }[];
                        /** @description Number of results returned, in all groups */
                        total: number;
                    };
                };
            };
            /** @description The answer with the ETag in If-None-Match still holds */
            304: {
                headers: {
                    /** @description Changes when the answer can be another */
                    etag?: string;
                    /** @description Seconds since the data was last brought up to date with QuickBooks; absent until it was */
                    "x-data-age"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    records: {
        parameters: {
            query: {
                /** @description QuickBooks Ids, comma separated, at most 100 */
                ids: string;
            };
            header?: never;
            path: {
                entity: "customers" | "vendors" | "items" | "invoices" | "estimates" | "purchase_orders" | "bills";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description In the order of the ids */
                        results: (components["schemas"]["CustomerResult"] | components["schemas"]["VendorResult"] | components["schemas"]["ItemResult"] | components["schemas"]["InvoiceResult"] | components["schemas"]["EstimateResult"] | components["schemas"]["PurchaseOrderResult"] | components["schemas"]["BillResult"])[];
                        /** @description Ids that no cached record has */
                        missing: string[];
                        /** @description Number of results */
                        total: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    cacheStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state of everything */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CacheStatus"];
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    refreshCache: {
        parameters: {
            query?: {
                /** @description true: answer when it is done, however long that takes; false: answer 202 at once; left out: as said above */
                wait?: boolean;
                /** @description true: accept that many records are gone in QuickBooks (see QBO_DROP_HELD_BACK) */
                force?: boolean;
                /** @description false: only what changed since the last time, in one read where that is possible */
                full?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the refresh did */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        message: string;
                        duration_ms: number;
                        /** @description Requests sent to QuickBooks */
                        calls: number;
                        entities: {
                            [key: string]: {
                                /** @description Records that QuickBooks has */
                                records: number;
                                changed: number;
                                removed: number;
                                /** @description Records that could not be read */
                                set_aside: number;
                            };
                        };
                    };
                };
            };
            /** @description The refresh runs */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        message: string;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataCustomers: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        customers: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataVendors: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        vendors: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataItems: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataInvoices: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        invoices: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataEstimates: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        estimates: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataPurchaseOrders: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        purchase_orders: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    dataBills: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        bills: {
                            [key: string]: unknown;
                        }[];
                        /** @description Cached records */
                        total: number;
                        /** @description Records in this answer */
                        showing: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    indexesStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The indexes, by their names */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        indexes: {
                            [key: string]: number;
                        };
                        details: {
                            [key: string]: {
                                entity: string;
                                /** @description Records that can be found */
                                records: number;
                                /** @description When the index last changed, ISO 8601 or null */
                                last_changed: string | null;
                            };
                        };
                        /** @description Sum over the indexes */
                        total_indexed_items: number;
                        available_indexes: string[];
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status: "healthy";
                        /** Format: date-time */
                        timestamp: string;
                        version: string;
                        authenticated: boolean;
                        /** @description Of the oldest entity; null before the first refresh */
                        cache_age_minutes: number | null;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    changes: {
        parameters: {
            query?: {
                /** @description From an earlier answer about the same entities, or more of them: what came after it. Without: everything */
                cursor?: string;
                /** @description Some of customers, vendors, items, invoices, estimates, purchase_orders, bills, comma separated; all without */
                entities?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description Oldest change first; each record once, as it is now */
                        changes: {
                            entity: string;
                            id: string;
                            deleted: boolean;
                            /** @description As QuickBooks sent it; null when it was deleted */
                            record: {
                                [key: string]: unknown;
                            } | null;
                        }[];
                        /** @description Keep it, and ask with it next time */
                        cursor: string;
                        /** @description There are more changes already: ask again at once */
                        has_more: boolean;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description From an earlier answer about the same entities, or more of them: what came after it. Without: only what happens from now on */
                cursor?: string;
                /** @description Some of customers, vendors, items, invoices, estimates, purchase_orders, bills, comma separated; all without */
                entities?: string;
            };
            header?: {
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream that stays open */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    quickbooksWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description CloudEvents, or the classic notifications */
        requestBody: {
            content: {
                "application/json": {
                    type: string;
                    intuitentityid: string;
                    intuitaccountid: string;
                    data?: null | {
                        deletedid?: string | null;
                    };
                }[] | {
                    eventNotifications: unknown[];
                };
            };
        };
        responses: {
            /** @description Kept */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description Events about records that are cached */
                        received: number;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The text format */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    connect: {
        parameters: {
            query?: {
                /** @description Set by the redirect to the right host */
                moved?: "1";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To Intuit */
            302: {
                headers: {
                    /** @description Where to */
                    location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    callback: {
        parameters: {
            query?: {
                state?: string;
                code?: string;
                realmId?: string;
                error?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Connected; for a client that takes JSON only */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        message: string;
                        company_id: string;
                        expires_in: number;
                    };
                };
            };
            /** @description To the page of this service, with `connect_error` where it was not connected */
            302: {
                headers: {
                    /** @description Where to */
                    location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    authUrl: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where to send the browser */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        auth_url: string;
                        state: string;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    authStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description not_configured → not_authenticated → authenticated_no_data → connected; reconnect_required when a person must act */
                        connection_status: "not_configured" | "not_authenticated" | "authenticated_no_data" | "connected" | "reconnect_required";
                        is_authenticated: boolean;
                        company_id: string | null;
                        /** @description When consent was given, ISO 8601 or null */
                        connected_at: string | null;
                        /** @description It is renewed before, ISO 8601 or null */
                        access_token_expires_at: string | null;
                        /** @description When the connection dies if the service does not run until then, ISO 8601 or null */
                        refresh_token_expires_at: string | null;
                        /** @description When a person must connect again, ISO 8601 or null */
                        consent_expires_at: string | null;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    disconnect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Forgotten */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        success: boolean;
                        message: string;
                        /** @description Whether Intuit confirmed it */
                        revoked: boolean;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    testConnection: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description QuickBooks answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        success: boolean;
                        message: string;
                        company_name: string;
                        company_id: string;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
    configInForce: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The configuration */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        company_id: string | null;
                        /** @description Shortened */
                        client_id: string | null;
                        has_access_token: boolean;
                        has_refresh_token: boolean;
                        /** @description Of the access token; it is renewed before, ISO 8601 or null */
                        token_expires_at: string | null;
                        redirect_uri: string;
                        base_url: string;
                        environment: string;
                    };
                };
            };
            /** @description Refused: the message says what to do otherwise */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
            /** @description Not done: the message says why, and what was kept */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorInWords"];
                };
            };
        };
    };
}
